# Sorted p-values against those of chance.
unset key
set lmargin at screen L / W
set rmargin at screen 1 - R / W
set bmargin at screen B / H
set tmargin at screen 1 - T / H
set xrange [0:1]
set yrange [0:1]
set xlabel 'p that chance gives' offset 0, 0.3 textcolor rgb '#222222'
set ylabel 'p that was found' textcolor rgb '#222222'
LOW(x) = (x - BAND < 0 ? 0 : x - BAND)
HIGH(x) = (x + BAND > 1 ? 1 : x + BAND)
set samples 400

do for [FORM in 'SVG PNG'] {
    eval value(FORM)
    do for [i = 1:TEXTS] { if (MARK[i] > 0) { eval MARKED_TEXT } else { eval PLAIN_TEXT } }
    plot '+' using 1:(LOW($1)):(HIGH($1)) with filledcurves fs solid noborder lc rgb '#ededed', \
        x with lines lw 1.2 lc rgb '#555555', \
        $points using (column('expected')):(column('p')):(1.1):(FILLED[int(column('kind')) + 2]):(COLOUR[int(column('kind')) + 2]) with points ps variable pt variable lc rgb variable
    unset output
}
