TITLE Calcium pool in a thin shell (Hay et al. 2011)

NEURON {
    SUFFIX njPool
    USEION ca READ ica WRITE cai
}

PARAMETER {
    gamma = 5.09e-4
    decay = 294.7 (ms)
    depth = 0.1 (um)
    rest = 1e-4 (mM)
}

ASSIGNED { ica (mA/cm2) }

STATE { cai (mM) }

BREAKPOINT { SOLVE states METHOD cnexp }

INITIAL { cai = rest }

UNITSOFF
DERIVATIVE states {
    cai' = -(10000)*ica*gamma/(2*96485.33212*depth) - (cai - rest)/decay
}
UNITSON
