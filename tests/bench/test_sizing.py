"""Widths for budgets: near enough, nearest, and built from the seed alone."""

import pytest
import torch
from torch import nn

from neurojoule import registry, sizing, work
from neurojoule.errors import UnknownNameError, UserError
from neurojoule.registry import Model, Shape, get_model
from neurojoule.spec import Size

CURVE = Shape((40,), 10, (40,))


def shape_for(model):
    return CURVE if model.takes == "vector" else Shape((1, 40), 10, (40,))


SIZED = [model for model in registry.models().values() if model.sized and model.takes != "image"]


@pytest.mark.parametrize("budget", [15_210, 16_000, 64_000, 256_000])
@pytest.mark.parametrize("model", SIZED, ids=lambda model: model.name)
def test_every_family_meets_the_budgets_of_the_ladder_within_5_per_cent(model, budget):
    solved = sizing.solve(model, shape_for(model), Size(budget))
    assert solved.met
    assert solved.deviation == solved.parameters / budget - 1
    built = sizing.build(model, shape_for(model), solved.width, {}, seed=3)
    assert sizing.parameters(built) == solved.parameters


@pytest.mark.parametrize("budget", [1, 60, 256, 1_000, 5_000])
@pytest.mark.parametrize("model", SIZED, ids=lambda model: model.name)
def test_no_other_width_is_nearer(model, budget):
    def distance(width):
        module = sizing.build(model, shape_for(model), width, {}, seed=0)
        return abs(sizing.parameters(module) - budget)

    width = sizing.solve(model, shape_for(model), Size(budget)).width
    assert distance(width) <= min(map(distance, range(1, width + 12)))


def test_the_published_mlp_is_found_from_its_parameters():
    solved = sizing.solve(get_model("mlp"), CURVE, Size(15_210))
    assert (solved.width, solved.parameters, solved.deviation) == (100, 15_210, 0.0)


def test_a_width_that_cannot_meet_its_budget_says_by_how_much_it_misses():
    solved = sizing.solve(get_model("gru"), Shape((1, 40), 10, (40,)), Size(100))
    # One unit: 2 x 3 (1 + 1 + 2) + (2 x 40 + 1) 10 = 834
    assert (solved.width, solved.parameters) == (1, 834)
    assert solved.deviation == pytest.approx(7.34)
    assert not solved.met


def test_without_a_budget_the_width_is_the_models_own():
    model = get_model("dann")
    solved = sizing.solve(model, CURVE, Size())
    assert (solved.width, solved.deviation) == (model.default_width, None)
    assert solved.met


def test_a_model_of_one_size_keeps_it_and_says_how_far_the_budget_is():
    solved = sizing.solve(get_model("logistic"), CURVE, Size(820))
    assert (solved.parameters, solved.deviation) == (410, -0.5)


def test_operations_can_be_budgeted_instead():
    model = get_model("mlp")

    def flops(module):
        return work.count(module, torch.zeros(2, 40)).forward_flops

    solved = sizing.solve(model, CURVE, Size(30_200, of="operations"), count=flops)
    # 2 (40 100 + 100 100 + 100 10) + 2 100 for the two layers of ReLU
    assert (solved.width, solved.deviation) == (100, 0.0)
    assert solved.parameters == 15_210
    with pytest.raises(TypeError, match="needs a function"):
        sizing.solve(model, CURVE, Size(30_200, of="operations"))


def test_options_count():
    one = sizing.solve(get_model("mlp"), CURVE, Size(15_210), {"layers": 1})
    assert one.width == round((15_210 - 10) / 51)  # 41 H + 10 H + 10 parameters


def test_counts_that_are_no_polynomial_are_searched_for():
    asked = []

    class Stepped(nn.Module):
        def __init__(self, _shape, width):
            super().__init__()
            asked.append(width)
            self.weight = nn.Parameter(torch.zeros(7 * (width // 5) + 3))

    model = Model("stepped", "point", "vector", "", "", Stepped)
    solved = sizing.solve(model, CURVE, Size(700))
    assert solved.parameters == 703
    assert solved.width // 5 == 100
    assert max(asked) <= 1024  # it stands still at 16 to 18, which foretells no width of any use


def test_a_model_whose_size_does_not_grow_stops_the_search():
    model = Model("fixed", "point", "vector", "", "", lambda *_: nn.Linear(2, 2))
    assert sizing.solve(model, CURVE, Size(100)).parameters == 6


def test_equal_seeds_give_equal_weights_and_leave_the_generator_alone():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first, second, third = (
        sizing.build(get_model("dann"), CURVE, 5, {}, seed).state_dict() for seed in (1, 1, 2)
    )
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], third[name]) for name in first)


def test_an_unknown_option_names_the_nearest():
    with pytest.raises(UnknownNameError, match="No option of dann is called 'dendrite'"):
        sizing.build(get_model("dann"), CURVE, 5, {"dendrite": 4}, seed=0)
    with pytest.raises(UnknownNameError, match="'layers'"):
        sizing.solve(get_model("mlp"), CURVE, Size(), {"layer": 1})
    with pytest.raises(UnknownNameError, match="Known: none"):
        sizing.build(get_model("logistic"), CURVE, 1, {"layers": 1}, seed=0)


@pytest.mark.parametrize("value", ["4", 4.0, True])
def test_an_option_of_another_kind_is_refused(value):
    with pytest.raises(UserError, match="dendrites of dann is of the kind int, as in dendrites=4"):
        sizing.build(get_model("dann"), CURVE, 5, {"dendrites": value}, seed=0)


def test_a_whole_number_will_do_for_a_fraction():
    net = sizing.build(get_model("tcn"), Shape((1, 8), 2, (8,)), 4, {"dropout": 0}, seed=0)
    assert net.levels[0].dropout.p == 0


def test_a_budget_of_nothing_is_refused():
    with pytest.raises(UserError, match="budget is 1 or more; given 0 for mlp"):
        sizing.solve(get_model("mlp"), CURVE, Size(0))
