#!/bin/sh
# Prints the header that says which of the libraries given as arguments were found, and XNNPACK's version, which the
# library itself does not tell: Debian's package has the date of its commit.
set -u
for library in "$@"; do
    echo "#define HAVE_$(echo "$library" | tr '[:lower:]' '[:upper:]') 1"
done
version=$(dpkg-query -W -f '${Version}' libxnnpack-dev 2>/dev/null | sed -n 's/.*git\([0-9]*\).*/\1/p')
echo "#define XNNPACK_VERSION \"${version:-unknown}\""
