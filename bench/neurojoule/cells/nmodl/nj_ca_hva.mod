TITLE High-voltage-activated calcium, m^2 h (Reuveni et al. 1993)

NEURON {
    SUFFIX njCaHVA
    USEION ca READ eca WRITE ica
    RANGE gbar
}

PARAMETER {
    gbar = 0 (S/cm2)
}

ASSIGNED {
    v (mV)
    eca (mV)
    ica (mA/cm2)
    minf
    mtau (ms)
    hinf
    htau (ms)
}

STATE { m h }

BREAKPOINT {
    SOLVE states METHOD cnexp
    ica = gbar*m^2*h*(v - eca)
}

INITIAL {
    rates(v)
    m = minf
    h = hinf
}

DERIVATIVE states {
    rates(v)
    m' = (minf - m)/mtau
    h' = (hinf - h)/htau
}

UNITSOFF
PROCEDURE rates(v (mV)) {
    LOCAL a, b
    a = linoid(0.055, v + 27, 3.8)
    b = 0.94*exp((-75 - v)/17)
    minf = a/(a + b)
    mtau = 1/(a + b)
    a = 0.000457*exp((-13 - v)/50)
    b = 0.0065/(exp((-v - 15)/28) + 1)
    hinf = a/(a + b)
    htau = 1/(a + b)
}

FUNCTION linoid(a, x, k) {
    if (fabs(x/k) < 1e-6) {
        linoid = a*k*(1 + x/(2*k))
    } else {
        linoid = a*x/(1 - exp(-x/k))
    }
}
UNITSON
