TITLE Fast sodium, m^3 h; shift is 6 mV outside the axon (Hay et al. 2011)

NEURON {
    SUFFIX njNa
    USEION na READ ena WRITE ina
    RANGE gbar, shift
}

PARAMETER {
    gbar = 0 (S/cm2)
    shift = 0 (mV)
}

ASSIGNED {
    v (mV)
    ena (mV)
    ina (mA/cm2)
    minf
    mtau (ms)
    hinf
    htau (ms)
}

STATE { m h }

BREAKPOINT {
    SOLVE states METHOD cnexp
    ina = gbar*m^3*h*(v - ena)
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
    a = linoid(0.182, v + 38 - shift, 6)
    b = linoid(0.124, -(v + 38 - shift), 6)
    minf = a/(a + b)
    mtau = 1/((a + b)*2.952882641412121)
    a = linoid(0.015, -(v + 66 - shift), 6)
    b = linoid(0.015, v + 66 - shift, 6)
    hinf = a/(a + b)
    htau = 1/((a + b)*2.952882641412121)
}

FUNCTION linoid(a, x, k) {
    if (fabs(x/k) < 1e-6) {
        linoid = a*k*(1 + x/(2*k))
    } else {
        linoid = a*x/(1 - exp(-x/k))
    }
}
UNITSON
