TITLE AMPA and NMDA, bi-exponential, peak 1; Mg block with its slope through v

NEURON {
    POINT_PROCESS njGlutamate
    NONSPECIFIC_CURRENT i
    RANGE ampa, nmda, e, tau1, tau2, tau3, tau4, steepness, scale
}

PARAMETER {
    ampa = 0 (uS)
    nmda = 0 (uS)
    e = 0 (mV)
    tau1 = 0.3 (ms)
    tau2 = 3 (ms)
    tau3 = 2 (ms)
    tau4 = 70 (ms)
    steepness = 0.08 (/mV)
    scale = 3.57
}

ASSIGNED {
    v (mV)
    i (nA)
    factor1
    factor2
}

STATE { a b c d }

INITIAL {
    a = 0
    b = 0
    c = 0
    d = 0
    factor1 = normal(tau1, tau2)
    factor2 = normal(tau3, tau4)
}

BREAKPOINT {
    SOLVE states METHOD cnexp
    i = (ampa*(b - a) + nmda*(d - c)/(1 + exp(-steepness*v)/scale))*(v - e)
}

DERIVATIVE states {
    a' = -a/tau1
    b' = -b/tau2
    c' = -c/tau3
    d' = -d/tau4
}

NET_RECEIVE(weight) {
    a = a + weight*factor1
    b = b + weight*factor1
    c = c + weight*factor2
    d = d + weight*factor2
}

UNITSOFF
FUNCTION normal(rise, decay) {
    LOCAL peak
    peak = rise*decay/(decay - rise)*log(decay/rise)
    normal = 1/(exp(-peak/decay) - exp(-peak/rise))
}
UNITSON
