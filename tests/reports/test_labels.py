from neurojoule_reports.labels import Box, place

FRAME = Box(0, 0, 200, 100)


def test_a_lone_label_stands_right_of_its_last_marker():
    (box,) = place([[(20, 50), (60, 50)]], [30], FRAME)
    assert (box.x, box.y) == (65, 46)


def test_labels_do_not_cover_each_other_or_a_marker():
    ladders = [[(60, 50)], [(64, 52)], [(62, 46)]]
    boxes = place(ladders, [30, 30, 30], FRAME)
    for i, box in enumerate(boxes):
        assert all(box.overlap(other) == 0 for other in boxes[i + 1 :])


def test_a_label_stays_in_the_frame():
    (box,) = place([[(190, 50)]], [60], FRAME)
    assert box.outside(FRAME) == 0


def test_a_tight_frame_still_gets_its_label():
    (box,) = place([[(5, 5)]], [500], Box(0, 0, 10, 10))
    assert box.w == 500


def test_overlap_and_outside_by_hand():
    assert Box(0, 0, 4, 4).overlap(Box(2, 1, 4, 2)) == 4
    assert Box(-3, 0, 10, 10).outside(Box(0, 0, 5, 12)) == 5
