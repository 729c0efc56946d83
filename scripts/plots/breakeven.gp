# Speed over dense against sparsity: a panel per layer shape, a line per kernel, all panels with the same axes.
set logscale y 2
set yrange [YMIN:YMAX]
set xrange [28:100]
set xtics 30, 10, 90 noenhanced
set mxtics 2
set ytics (0.125, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64) noenhanced
unset key
IDEAL(s) = 1 / (1 - s / 100)
AT(p, s, value) = (column('panel') == p && column('series') == s ? column(value) : NaN)

do for [FORM in 'SVG PNG'] {
    eval value(FORM)
    do for [i = 1:TEXTS] { if (MARK[i] > 0) { eval MARKED_TEXT } else { eval PLAIN_TEXT } }
    set multiplot
    do for [p = 1:PANELS] {
        set lmargin at screen X[p] / W
        set rmargin at screen (X[p] + WIDE) / W
        set bmargin at screen Y[p] / H
        set tmargin at screen (Y[p] + TALL) / H
        set title PANEL[p] noenhanced offset 0, -0.6 textcolor rgb '#222222'
        set xlabel 'zeros or empty blocks, %' offset 0, 0.5 textcolor rgb '#222222'
        if (p % ACROSS == 1) { set ylabel 'times as fast as dense' offset 0.8, 0 textcolor rgb '#222222' } else { unset ylabel }
        plot (x < 30 || x > 98 ? NaN : IDEAL(x)) with lines dt 2 lw 1.2 lc rgb '#777777', \
            1 with lines lw 1.6 lc rgb '#222222', \
            for [s = 1:SERIES] $curves using (column('sparsity')):(AT(p, s, 'lo')):(AT(p, s, 'hi')) with filledcurves fs transparent solid 0.18 noborder lc rgb PIECE[s], \
            for [s = 1:SERIES] $curves using (column('sparsity')):(AT(p, s, 'speed')) with linespoints lw 1.8 pt 7 ps 0.45 lc rgb PIECE[s]
        unset label
    }
    unset multiplot
    unset output
}
