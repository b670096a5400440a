"""Specs are frozen, hashed and said in words; bad ones are refused with the nearest good ones."""

import msgspec
import pytest

from neurojoule.errors import UnknownNameError, UserError
from neurojoule.spec import Recipe, Setup, Size, Spec, canonical_json, scale

RECIPE = Recipe(steps=10, batch_size=4)


def spec(**changes):
    return msgspec.structs.replace(
        Spec(suite="s", task="xor", model="mlp", seed=0, recipe=RECIPE), **changes
    )


def test_equal_specs_have_equal_hashes_and_any_change_another():
    assert spec().hash == spec().hash
    changes = (
        {"seed": 1},
        {"share": 0.5},
        {"size": Size(100)},
        {"size": Size(100, "operations")},
        {"scale": "full"},
        {"setup": Setup(threads=2)},
        {"options": (("layers", 1),)},
        {"recipe": Recipe(steps=11, batch_size=4)},
    )
    hashes = {spec(**change).hash for change in changes} | {spec().hash}
    assert len(hashes) == len(changes) + 1


def test_canonical_json_does_not_depend_on_the_order_of_keys():
    assert canonical_json({"b": 1, "a": 2}) == canonical_json({"a": 2, "b": 1}) == b'{"a":2,"b":1}'


@pytest.mark.parametrize(
    "text", ["cpu:1", "cpu:2", "cpu:1:bfloat16", "cuda:1", "cuda0:1", "cpu:2:float64:compile"]
)
def test_a_setup_reads_what_it_writes(text):
    assert str(Setup.parse(text)) == text


def test_a_numbered_gpu_is_spelled_for_torch():
    assert Setup.parse("cuda1").torch_device == "cuda:1"


@pytest.mark.parametrize(
    ("text", "advice"),
    [("cpuu:1", "'cpu'"), ("gpu", "Known: cpu"), ("cpu:x", "cpu:2:bfloat16"), ("cpu:0", "'0'")],
)
def test_a_setup_that_is_none_says_what_one_looks_like(text, advice):
    with pytest.raises(UserError, match=r"setup|device") as refusal:
        Setup.parse(text)
    assert advice in str(refusal.value)


def test_an_unknown_scale_names_the_nearest():
    with pytest.raises(UnknownNameError, match="'quick'"):
        scale("quikc")


@pytest.mark.parametrize("share", [0, -0.5, 1.01])
def test_a_share_outside_0_to_1_is_refused(share):
    with pytest.raises(UserError, match="share"):
        spec(share=share)


def test_an_arm_names_what_is_compared_and_not_the_seed():
    one = spec(options=(("fields", "local"),), size=Size(1400), share=0.25)
    assert one.arm == "mlp fields=local 1400p share=0.25"
    assert one.arm == msgspec.structs.replace(one, seed=7).arm


def test_every_scale_but_smoke_has_a_window_that_the_kernel_clock_resolves():
    # /proc/stat ticks every 10 ms: 2 s are 200 ticks, so one tick is half a per cent.
    assert scale("quick").min_window_s >= 2
    assert scale("full").min_window_s > scale("quick").min_window_s
