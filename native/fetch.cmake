# Brings llama.cpp: the headers, libraries and tokenizer test files pinned in llama.lock, by npm.
#
#   cmake -P native/fetch.cmake                  into artifacts/llama, laid out like a llama.cpp checkout
#   cmake -DWITH_SOURCE=ON -P native/fetch.cmake the whole source as well, into artifacts/llama-source
#
# What is there already is left alone, without network. Another lock file makes another stamp and so
# a new folder: it is filled beside the old one and renamed at the end, under a lock.
cmake_minimum_required(VERSION 3.21)

get_filename_component(ns_root "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)
set(ns_lock_file "${CMAKE_CURRENT_LIST_DIR}/llama.lock")
set(ns_artifacts "${ns_root}/artifacts")
set(ns_cache "${ns_artifacts}/npm")
set(ns_llama "${ns_artifacts}/llama")
set(ns_llama_source "${ns_artifacts}/llama-source")

# Stops with one line. The spaces in front keep CMake from wrapping it, and "error:" lets MSBuild show it alone.
function(ns_fail text)
  message(FATAL_ERROR " error: ${text}")
endfunction()

function(ns_require program)
  find_program(ns_${program} ${program} NO_CACHE)
  if(NOT ns_${program})
    ns_fail("${program} is missing: it brings llama.cpp. Get it with: apt-get install -y cmake make g++ npm git")
  endif()
  set(ns_${program} "${ns_${program}}" PARENT_SCOPE)
endfunction()

# Runs a command; when it fails, stops with what it was for and its first line about the error.
function(ns_run purpose)
  # git must not take the repository of a hook that calls this build.
  execute_process(
    COMMAND "${CMAKE_COMMAND}" -E env --unset=GIT_DIR --unset=GIT_WORK_TREE --unset=GIT_INDEX_FILE ${ARGN}
    WORKING_DIRECTORY "${ns_cache}" RESULT_VARIABLE result OUTPUT_QUIET ERROR_VARIABLE errors)
  if(NOT result EQUAL 0)
    string(REGEX MATCH "(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH)" offline "${errors}")
    if(offline)
      ns_fail("cannot ${purpose}: the npm registry does not answer (${offline}). This is needed once; try again with a network.")
    endif()
    string(REGEX REPLACE "npm (warn|notice)[^\n]*\n" "" errors "${errors}")
    string(REGEX REPLACE "npm error code ([^\n]*)\nnpm error " "\\1: " errors "${errors}")
    string(STRIP "${errors}" errors)
    string(REGEX REPLACE "\n.*" "" errors "${errors}")
    ns_fail("cannot ${purpose}: ${errors}")
  endif()
endfunction()

# The pinned tarball of a package, downloaded when the cache does not hold it.
function(ns_tarball package out)
  file(STRINGS "${ns_lock_file}" line REGEX "^${package} ")
  if(NOT line MATCHES "^[^ ]+ ([^ ]+) ([0-9a-f]+)$")
    ns_fail("native/llama.lock has no line 'NAME VERSION SHA512' for ${package}.")
  endif()
  set(version "${CMAKE_MATCH_1}")
  set(expected "${CMAKE_MATCH_2}")
  string(REPLACE "@" "" file "${package}-${version}.tgz")
  string(REPLACE "/" "-" file "${file}")
  if(EXISTS "${ns_cache}/${file}")
    file(SHA512 "${ns_cache}/${file}" actual)
    if(NOT actual STREQUAL expected)
      file(REMOVE "${ns_cache}/${file}")
    endif()
  endif()
  if(NOT EXISTS "${ns_cache}/${file}")
    ns_require(npm)
    message(STATUS "Downloading ${package} ${version}")
    file(REMOVE_RECURSE "${ns_cache}/new")
    file(MAKE_DIRECTORY "${ns_cache}/new")
    ns_run("download ${package} ${version}" "${ns_npm}" pack "${package}@${version}" --pack-destination "${ns_cache}/new"
      --loglevel=error --prefer-offline --fetch-retries=2 --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=4000)
    file(SHA512 "${ns_cache}/new/${file}" actual)
    if(NOT actual STREQUAL expected)
      ns_fail("${package} ${version} as downloaded has sha512 ${actual}, native/llama.lock says ${expected}.")
    endif()
    file(RENAME "${ns_cache}/new/${file}" "${ns_cache}/${file}")
    file(REMOVE_RECURSE "${ns_cache}/new")
  endif()
  set(${out} "${ns_cache}/${file}" PARENT_SCOPE)
endfunction()

# The git bundle with llama.cpp's source, unpacked into a folder.
function(ns_bundle folder out)
  ns_tarball(node-llama-cpp tarball)
  file(ARCHIVE_EXTRACT INPUT "${tarball}" DESTINATION "${folder}" PATTERNS "package/llama/gitRelease.bundle")
  set(${out} "${folder}/package/llama/gitRelease.bundle" PARENT_SCOPE)
endfunction()

# Puts a finished folder in its place, stamped.
function(ns_finish new folder stamp)
  file(WRITE "${new}/.stamp" "${stamp}")
  if(EXISTS "${folder}")
    file(REMOVE_RECURSE "${folder}.old")
    file(RENAME "${folder}" "${folder}.old")
  endif()
  file(RENAME "${new}" "${folder}")
  file(REMOVE_RECURSE "${folder}.old")
endfunction()

function(ns_is_current folder stamp out)
  set(found "")
  if(EXISTS "${folder}/.stamp")
    file(READ "${folder}/.stamp" found)
  endif()
  if(found STREQUAL stamp)
    set(${out} TRUE PARENT_SCOPE)
  else()
    set(${out} FALSE PARENT_SCOPE)
  endif()
endfunction()

# include/, ggml/include/, models/ggml-vocab-*, CMakeLists.txt, LICENSE and lib/linux-x64/.
function(ns_fetch_llama stamp)
  ns_require(git)
  ns_tarball("@node-llama-cpp/linux-x64" libraries)
  set(new "${ns_llama}.new")
  file(REMOVE_RECURSE "${new}")
  ns_bundle("${new}/work" bundle)
  message(STATUS "Unpacking llama.cpp into artifacts/llama")
  ns_run("unpack llama.cpp's source" "${ns_git}" clone --quiet --bare "${bundle}" "${new}/work/git")
  ns_run("unpack llama.cpp's headers" "${ns_git}" -C "${new}/work/git" archive --output "${new}/work/files.tar" HEAD --
    CMakeLists.txt LICENSE include ggml/include "models/ggml-vocab-*")
  file(ARCHIVE_EXTRACT INPUT "${new}/work/files.tar" DESTINATION "${new}")
  file(ARCHIVE_EXTRACT INPUT "${libraries}" DESTINATION "${new}/work" PATTERNS "package/bins/linux-x64/lib*")
  file(MAKE_DIRECTORY "${new}/lib")
  file(RENAME "${new}/work/package/bins/linux-x64" "${new}/lib/linux-x64")
  file(REMOVE_RECURSE "${new}/work")
  ns_finish("${new}" "${ns_llama}" "${stamp}")
endfunction()

function(ns_fetch_source stamp)
  ns_require(git)
  set(new "${ns_llama_source}.new")
  file(REMOVE_RECURSE "${new}")
  ns_bundle("${ns_cache}/work" bundle)
  message(STATUS "Unpacking llama.cpp's source into artifacts/llama-source")
  ns_run("unpack llama.cpp's source" "${ns_git}" -c advice.detachedHead=false clone --quiet "${bundle}" "${new}")
  file(REMOVE_RECURSE "${ns_cache}/work")
  ns_finish("${new}" "${ns_llama_source}" "${stamp}")
endfunction()

file(MAKE_DIRECTORY "${ns_cache}")
file(LOCK "${ns_cache}/lock" GUARD PROCESS TIMEOUT 900 RESULT_VARIABLE ns_locked)
if(NOT ns_locked EQUAL 0)
  ns_fail("another build has held artifacts/npm/lock for 15 minutes: ${ns_locked}")
endif()

# A change of what is taken out of the packages is a new stamp too.
file(SHA256 "${ns_lock_file}" ns_stamp)
file(SHA256 "${CMAKE_CURRENT_LIST_FILE}" ns_stamp_script)
string(APPEND ns_stamp " ${ns_stamp_script}")

ns_is_current("${ns_llama}" "${ns_stamp}" ns_current)
if(NOT ns_current)
  ns_fetch_llama("${ns_stamp}")
endif()
if(WITH_SOURCE)
  ns_is_current("${ns_llama_source}" "${ns_stamp}" ns_current)
  if(NOT ns_current)
    ns_fetch_source("${ns_stamp}")
  endif()
endif()
