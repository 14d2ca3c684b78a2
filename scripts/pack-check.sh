#!/usr/bin/env bash
# Packs both packages into artifacts/packages and tries them as a user would: README's library example in an
# empty project, and the tool. pack-check.sh [MODEL.gguf]
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

model=$(realpath -m "${1:-$root/../shared/models/stories260K.gguf}")
[[ -r $model ]] || fail "no model at $model. Give one: scripts/pack-check.sh MODEL.gguf"
packages=$root/artifacts/packages

set_up
rm -rf "$packages"
for project in NativeSteer NativeSteer.Cli; do
    quietly "pack-$project.log" "Packing $project" dotnet pack "$root/src/$project" -c Release -o "$packages"
done
file=$(cd "$packages" && echo NativeSteer.[0-9]*.nupkg)
version=${file#NativeSteer.}
version=${version%.nupkg}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A packages folder of its own: the user's may hold an older build of the same version.
export NUGET_PACKAGES=$work/packages
cat >"$work/nuget.config" <<END
<configuration>
  <packageSources>
    <add key="packed-here" value="$packages" />
  </packageSources>
</configuration>
END

mkdir "$work/app"
cat >"$work/app/app.csproj" <<'END'
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
    <Nullable>enable</Nullable>
  </PropertyGroup>
</Project>
END
awk '/<!-- library example -->/ { wanted = 1 }
     /^```/ && inside { exit }
     inside { print }
     /^```csharp/ && wanted { inside = 1 }' "$root/README.md" >"$work/app/Program.cs"
[[ -s $work/app/Program.cs ]] || fail "README.md has no csharp block after <!-- library example -->"

cd "$work/app"
quietly pack-check-add.log "Adding NativeSteer $version to an empty project" dotnet add package NativeSteer --version "$version"
quietly pack-check-build.log "Building README's library example" dotnet build -c Release -o "$work/app/out"
[[ -e $work/app/out/runtimes/linux-x64/native/libnativesteer.so ]] || fail "the package brought no runtimes/linux-x64/native/libnativesteer.so"
[[ -e $work/app/out/runtimes/linux-x64/native/LICENSE-llama.cpp ]] || fail "the package brought no LICENSE-llama.cpp"
dotnet "$work/app/out/app.dll" "$model" "$root/scripts/stories/happy.txt" "$root/scripts/stories/sad.txt" || fail "README's library example ended with exit code $?"

cd "$work"
quietly pack-check-tool.log "Installing the tool" dotnet tool install NativeSteer.Cli --version "$version" --tool-path "$work/tool"
[[ -n $(find "$work/tool" -path '*runtimes/linux-x64/native/libnativesteer.so' -print -quit) ]] || fail "the tool package has no native library"
for option in --version --help; do
    "$work/tool/nativesteer" "$option" || fail "nativesteer $option ended with exit code $?"
done
say "pack-check.sh: NativeSteer $version and its tool work from the packages"
