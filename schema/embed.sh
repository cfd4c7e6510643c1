# Print C source that defines each NAME=FILE of the arguments as a string.
for pair in "$@"; do
	echo "extern const char ${pair%%=*}[];"
	echo "const char ${pair%%=*}[] ="
	sed 's/\\/\\\\/g; s/"/\\"/g; s/^/    "/; s/$/\\n"/' "${pair#*=}"
	echo "    ;"
done
