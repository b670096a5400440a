TITLE Calcium-gated potassium SK (Kohler et al. 1996)

NEURON {
    SUFFIX njSK
    USEION k READ ek WRITE ik
    USEION ca READ cai
    RANGE gbar
}

PARAMETER {
    gbar = 0 (S/cm2)
}

ASSIGNED {
    v (mV)
    ik (mA/cm2)
    ek (mV)
    cai (mM)
    minf
    mtau (ms)
}

STATE { m }

BREAKPOINT {
    SOLVE states METHOD cnexp
    ik = gbar*m*(v - ek)
}

INITIAL {
    rates(cai)
    m = minf
}

DERIVATIVE states {
    rates(cai)
    m' = (minf - m)/mtau
}

UNITSOFF
PROCEDURE rates(c (mM)) {
    if (c < 1e-7) { c = 1e-7 }
    minf = 1/(1 + (0.00043/c)^4.8)
    mtau = 1
}
UNITSON
