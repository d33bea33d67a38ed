# SPDX-License-Identifier: Apache-2.0
# cmake -DOUT=x.cc -DFILES="a.txtpb;b.txtpb" -P embed.cmake: the files as string literals.
set(_code "// Generated from the *.txtpb files of symbolizer/visualizers.\nnamespace dlog::visualizers {\n")
string(APPEND _code "extern const char* const kBuiltInCatalogs[] = {\n")
set(_count 0)
foreach(_file IN LISTS FILES)
  file(READ "${_file}" _text)
  string(APPEND _code "R\"__txtpb__(${_text})__txtpb__\",\n")
  math(EXPR _count "${_count} + 1")
endforeach()
string(APPEND _code "};\nextern const int kBuiltInCatalogCount = ${_count};\n}  // namespace dlog::visualizers\n")
file(WRITE "${OUT}" "${_code}")
