#!/bin/sh
# Prints the words in an order that the seed (a whole number) decides, the same on every machine.
# usage: permute.sh SEED WORD...
set -u
seed=$1
shift
# Fisher and Yates, with the generator of Park and Miller (1988), whose products fit a double.
printf '%s\n' "$@" | awk -v x="$seed" '
    { word[NR] = $0 }
    END {
        for (i = 0; i < 10; i++)
            x = (16807 * x + 11) % 2147483647
        for (i = NR; i > 1; i--) {
            x = 16807 * x % 2147483647
            j = 1 + int(x / 2147483647 * i)
            t = word[i]; word[i] = word[j]; word[j] = t
        }
        for (i = 1; i <= NR; i++)
            print word[i]
    }'
