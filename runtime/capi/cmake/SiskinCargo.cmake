# siskin_add_library(NAME RUST_TARGET): an imported static library, built by cargo or, if SISKIN_LIBRARY names one, ready-made.
#
# SISKIN_SMALL             the smallest code instead of the fastest
# SISKIN_LIBRARY           a libsiskin.a that exists already: cargo is not needed
# SISKIN_CARGO_TARGET_DIR  where cargo builds; a directory of the build tree if not given

set(SISKIN_SMALL OFF CACHE BOOL "The smallest code instead of the fastest")
set(SISKIN_LIBRARY "" CACHE FILEPATH "A ready-made libsiskin.a; empty: cargo builds one")
set(SISKIN_CARGO_TARGET_DIR "" CACHE PATH "Where cargo builds; empty: in the build tree")

set(SISKIN_SOURCE_DIR "${CMAKE_CURRENT_LIST_DIR}/..")

function(siskin_add_library name rust_target)
  if(SISKIN_LIBRARY)
    set(archive "${SISKIN_LIBRARY}")
  else()
    if(NOT rust_target)
      message(FATAL_ERROR "siskin: no Rust target is known for this machine: name one in SISKIN_RUST_TARGET "
                          "(rustup target list), or a ready-made library in SISKIN_LIBRARY")
    endif()
    find_program(SISKIN_CARGO cargo HINTS "$ENV{HOME}/.cargo/bin" "$ENV{CARGO_HOME}/bin")
    if(NOT SISKIN_CARGO)
      message(FATAL_ERROR "siskin: cargo is not found: install Rust from https://rustup.rs, "
                          "or name a ready-made library in SISKIN_LIBRARY")
    endif()
    set(dir "${SISKIN_CARGO_TARGET_DIR}")
    if(NOT dir)
      set(dir "${CMAKE_CURRENT_BINARY_DIR}/siskin-cargo")
    endif()
    set(profile capi)
    if(SISKIN_SMALL)
      set(profile capi-small)
    endif()
    set(archive "${dir}/${rust_target}/${profile}/libsiskin_capi.a")
    # Always run: cargo knows best what is stale.
    add_custom_target(${name}_cargo ALL
      COMMAND ${SISKIN_CARGO} build --quiet --locked --lib --profile ${profile} --target ${rust_target}
              --manifest-path "${SISKIN_SOURCE_DIR}/Cargo.toml" --target-dir "${dir}"
      WORKING_DIRECTORY "${SISKIN_SOURCE_DIR}"
      BYPRODUCTS "${archive}"
      COMMENT "Building siskin for ${rust_target}"
      VERBATIM)
  endif()
  add_library(${name} STATIC IMPORTED GLOBAL)
  set_target_properties(${name} PROPERTIES IMPORTED_LOCATION "${archive}")
  target_include_directories(${name} INTERFACE "${SISKIN_SOURCE_DIR}/include")
  if(TARGET ${name}_cargo)
    add_dependencies(${name} ${name}_cargo)
  endif()
endfunction()

# The Rust target of the machine that CMake runs on; empty when compiling for another one.
function(siskin_host_target result)
  set(found "")
  if(NOT CMAKE_CROSSCOMPILING AND NOT SISKIN_LIBRARY)
    execute_process(COMMAND rustc -vV OUTPUT_VARIABLE version WORKING_DIRECTORY "${SISKIN_SOURCE_DIR}" ERROR_QUIET)
    if(version MATCHES "host: ([^\r\n]+)")
      set(found "${CMAKE_MATCH_1}")
    endif()
  endif()
  set(${result} "${found}" PARENT_SCOPE)
endfunction()
