TITLE Low-voltage-activated calcium, m^2 h (Avery & Johnston 1996)

NEURON {
    SUFFIX njCaLVA
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
    minf = 1/(1 + exp(-(v + 40)/6))
    mtau = (5 + 20/(1 + exp((v + 35)/5)))/2.952882641412121
    hinf = 1/(1 + exp((v + 90)/6.4))
    htau = (20 + 50/(1 + exp((v + 50)/7)))/2.952882641412121
}
UNITSON
