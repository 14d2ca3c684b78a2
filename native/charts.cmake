# Brings the report's chart library: vega and vega-lite, minified, with their licences, as pinned in charts.lock.
#
#   cmake -P native/charts.cmake    into artifacts/charts: vega.min.js, vega-lite.min.js, vega.LICENSE, vega-lite.LICENSE
cmake_minimum_required(VERSION 3.21)
set(ns_lock_file "${CMAKE_CURRENT_LIST_DIR}/charts.lock")
include("${CMAKE_CURRENT_LIST_DIR}/npm.cmake")

set(ns_charts "${ns_artifacts}/charts")
file(SHA256 "${ns_lock_file}" ns_stamp)
file(SHA256 "${CMAKE_CURRENT_LIST_FILE}" ns_stamp_script)
string(APPEND ns_stamp " ${ns_stamp_script}")
ns_is_current("${ns_charts}" "${ns_stamp}" ns_current)
if(NOT ns_current)
  set(new "${ns_charts}.new")
  file(REMOVE_RECURSE "${new}")
  foreach(package vega vega-lite)
    ns_tarball(${package} tarball)
    file(ARCHIVE_EXTRACT INPUT "${tarball}" DESTINATION "${new}/work"
      PATTERNS "package/build/${package}.min.js" "package/LICENSE")
    # The source map it points to is not here.
    file(READ "${new}/work/package/build/${package}.min.js" script)
    string(REGEX REPLACE "\n//# sourceMappingURL=[^\n]*" "" script "${script}")
    file(WRITE "${new}/${package}.min.js" "${script}")
    file(RENAME "${new}/work/package/LICENSE" "${new}/${package}.LICENSE")
  endforeach()
  file(REMOVE_RECURSE "${new}/work")
  ns_finish("${new}" "${ns_charts}" "${ns_stamp}")
endif()
