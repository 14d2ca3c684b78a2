# Brings llama.cpp: the headers, libraries and tokenizer test files pinned in llama.lock, by npm.
#
#   cmake -P native/fetch.cmake                  into artifacts/llama, laid out like a llama.cpp checkout
#   cmake -DWITH_SOURCE=ON -P native/fetch.cmake the whole source as well, into artifacts/llama-source
#
# What is there already is left alone, without network. Another lock file makes another stamp and so
# a new folder: it is filled beside the old one and renamed at the end, under a lock.
cmake_minimum_required(VERSION 3.21)

set(ns_lock_file "${CMAKE_CURRENT_LIST_DIR}/llama.lock")
include("${CMAKE_CURRENT_LIST_DIR}/npm.cmake")
set(ns_llama "${ns_artifacts}/llama")
set(ns_llama_source "${ns_artifacts}/llama-source")

# The git bundle with llama.cpp's source, unpacked into a folder.
function(ns_bundle folder out)
  ns_tarball(node-llama-cpp tarball)
  file(ARCHIVE_EXTRACT INPUT "${tarball}" DESTINATION "${folder}" PATTERNS "package/llama/gitRelease.bundle")
  set(${out} "${folder}/package/llama/gitRelease.bundle" PARENT_SCOPE)
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
