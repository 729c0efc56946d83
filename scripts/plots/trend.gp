# Ratio to the frozen anchor by night: a panel per cell, its interval as a band, levels, change points.
set xrange [FROM:TO]
set xtics noenhanced
set format y '%.2f'
unset key
OF(p, value) = (column('panel') == p ? column(value) : NaN)
EDGE(p, y) = (y > HI[p] ? HI[p] : y < LO[p] ? LO[p] : y)
HIGH(p) = (HI[p] - (0.08 + 0.13 * column('step')) * (HI[p] - LO[p]))
KIND(p, k) = (column('panel') == p && column('kind') == k ? column('ratio') : NaN)

do for [FORM in 'SVG PNG'] {
    eval value(FORM)
    do for [i = 1:TEXTS] { if (MARK[i] > 0) { eval MARKED_TEXT } else { eval PLAIN_TEXT } }
    set multiplot
    do for [p = 1:PANELS] {
        set lmargin at screen X[p] / W
        set rmargin at screen (X[p] + WIDE) / W
        set bmargin at screen Y[p] / H
        set tmargin at screen (Y[p] + TALL) / H
        set yrange [LO[p]:HI[p]]
        set ytics STEP[p]
        set title PANEL[p] noenhanced font ',10' offset 0, -0.7 textcolor rgb '#222222'
        plot $points using (column('day')):(OF(p, 'lo')):(OF(p, 'hi')) with filledcurves fs solid 0.22 noborder lc rgb '#0072b2', \
            1 with lines lw 1.2 lc rgb '#777777', \
            $levels using (OF(p, 'day')):(column('ratio')) with lines lw 2.6 lc rgb '#e69f00', \
            $changes using (OF(p, 'day')):(LO[p]):(0):(HI[p] - LO[p]) with vectors nohead lw 1.2 dt (4, 3) lc rgb '#222222', \
            $points using (OF(p, 'day')):(column('alone') > 0 ? column('ratio') : NaN):(column('lo')):(column('hi')) with yerrorbars ps 0 lw 1.4 lc rgb '#0072b2', \
            $points using (OF(p, 'day')):(KIND(p, 0)) with points pt 7 ps 0.4 lc rgb '#0072b2', \
            $points using (OF(p, 'day')):(EDGE(p, KIND(p, 2))) with points pt 6 ps 0.6 lc rgb '#888888', \
            $points using (OF(p, 'day')):(KIND(p, 1)) with points pt 9 ps 0.9 lc rgb '#d55e00', \
            $changes using (column('late') > 0 ? NaN : OF(p, 'day')):(HIGH(p)):(strcol('words')) with labels left offset 0.4, 0 noenhanced font ',10' textcolor rgb '#222222', \
            $changes using (column('late') > 0 ? OF(p, 'day') : NaN):(HIGH(p)):(strcol('words')) with labels right offset -0.4, 0 noenhanced font ',10' textcolor rgb '#222222'
        unset label
    }
    unset multiplot
    unset output
}
