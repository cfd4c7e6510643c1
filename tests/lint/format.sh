#!/bin/sh
# Proves that clang-format would change no C file.
. "$(dirname "$0")/tap.sh"

all_c_files . | xargs clang-format --dry-run >"$folder/said" 2>&1
grep -o '^[^ :]*:[0-9]*' "$folder/said" | cut -d: -f1 | sort | uniq -c \
    >"$folder/files"
nothing_in "$folder/files" "every C file is as clang-format writes it"

printf 'int main(void) {\n  return 0; }\n' >"$folder/planted.c"
clang-format --style=file:.clang-format --dry-run "$folder/planted.c" \
    >"$folder/said" 2>&1
found_in 'planted.c:1' "$folder/said" "a planted badly formatted file is seen"
tap_done
