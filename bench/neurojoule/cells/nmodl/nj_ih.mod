TITLE Hyperpolarisation-activated current (Kole, Hallermann & Stuart 2006)

NEURON {
    SUFFIX njIh
    NONSPECIFIC_CURRENT i
    RANGE gbar
}

PARAMETER {
    gbar = 0 (S/cm2)
    eh = -45 (mV)
}

ASSIGNED {
    v (mV)
    i (mA/cm2)
    minf
    mtau (ms)
}

STATE { m }

BREAKPOINT {
    SOLVE states METHOD cnexp
    i = gbar*m*(v - eh)
}

INITIAL {
    rates(v)
    m = minf
}

DERIVATIVE states {
    rates(v)
    m' = (minf - m)/mtau
}

UNITSOFF
PROCEDURE rates(v (mV)) {
    LOCAL a, b
    a = linoid(0.00643, -(v + 154.9), 11.9)
    b = 0.193*exp(v/33.1)
    minf = a/(a + b)
    mtau = 1/(a + b)
}

FUNCTION linoid(a, x, k) {
    if (fabs(x/k) < 1e-6) {
        linoid = a*k*(1 + x/(2*k))
    } else {
        linoid = a*x/(1 - exp(-x/k))
    }
}
UNITSON
