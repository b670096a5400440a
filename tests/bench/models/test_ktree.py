"""The k-tree: the published counts, the tree written out node by node, and what padding is."""

import pytest
import torch
from torch.nn import functional as F

from neurojoule import sizing, work
from neurojoule.models.ktree import KTree, level_sizes
from neurojoule.registry import Shape


def test_a_tree_of_1024_inputs_has_the_published_2046_weights():
    net = KTree(Shape((1024,), 1, (32, 32)), 1)
    assert sum(level.weight.numel() for level in net.levels) == 2_046
    assert sizing.parameters(net) == 2_046 + 1_023 + 2
    assert net.units() == {"soma": 1, "dendrite": 1_023}


def test_without_padding_no_weight_is_dead():
    sizes = [784, 392, 196, 98, 49, 25, 13, 7, 4, 2, 1]
    assert level_sizes(784) == sizes
    assert level_sizes(1) == [1, 1]
    net = KTree(Shape((784,), 10, (28, 28)), 3)
    assert sizing.parameters(net) == 3 * (sum(sizes[:-1]) + sum(sizes[1:])) + 4 * 10


def by_recursion(net, x, tree, depth, node):
    """The value of one node, from its children's."""
    if depth < 0:
        return x[:, node]
    level, k = net.levels[depth], net.readout.in_features
    nodes = level.bias.numel() // k
    below = nodes_below(net, depth)
    children = [child for child in (2 * node, 2 * node + 1) if child < below]
    weight = level.weight.flatten().view(k, -1)[tree]  # node by node, its children in order
    total = level.bias.view(k, -1)[tree, node]
    for child in children:
        value = by_recursion(net, x, tree, depth - 1, child)
        total = total + weight[child] * value
    assert nodes == (below + 1) // 2
    return F.leaky_relu(total, 0.01)


def nodes_below(net, depth):
    k = net.readout.in_features
    return net.levels[0].in_features if depth == 0 else net.levels[depth - 1].bias.numel() // k


@pytest.mark.parametrize("features", [1, 2, 3, 5, 8, 11])
def test_a_forest_equals_its_nodes_one_by_one(features):
    torch.manual_seed(features)
    net = KTree(Shape((features,), 2, (features,)), 3)
    for level in net.levels:
        torch.nn.init.normal_(level.bias)
    x = torch.randn(4, features)
    top = len(net.levels) - 1
    roots = torch.stack([by_recursion(net, x, tree, top, 0) for tree in range(3)], 1)
    torch.testing.assert_close(net(x), net.readout(roots), rtol=1e-4, atol=1e-5)


def test_padding_with_zeros_adds_no_function():
    """A padded tree whose branches of padding are constants equals one without them."""
    padded, net = KTree(Shape((4,), 1, (4,)), 1), KTree(Shape((3,), 1, (3,)), 1)
    with torch.no_grad():
        for name in ("weight", "bias"):
            whole = getattr(padded.levels[0], name).flatten()
            getattr(net.levels[0], name).copy_(whole[:3] if name == "weight" else whole)
        net.levels[1].load_state_dict(padded.levels[1].state_dict())
        net.readout.load_state_dict(padded.readout.state_dict())
    x = torch.randn(5, 3)
    torch.testing.assert_close(net(x), padded(F.pad(x, (0, 1))))


def test_operations_are_two_multiply_adds_and_a_threshold_a_node():
    counted = work.count(KTree(Shape((64,), 10, (8, 8)), 5), torch.rand(2, 64))
    assert counted.forward_flops == 2 * (5 * 126 + 5 * 10) + 5 * 63
