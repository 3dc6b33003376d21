"""Keys show neither in messages nor in what a debugger prints."""

import pytest

from kumosan.datasets.errors import FileError
from kumosan.datasets.labels.cvat_service import CvatService
from kumosan.datasets.labels.labelbox_service import LabelboxService
from kumosan.datasets.labels.service import told

KEY = "secret-key-1234"


@pytest.mark.parametrize("before", ["", "x" * 290])
def test_no_part_of_a_key_is_in_a_message_that_is_cut(before):
    with pytest.raises(FileError) as caught, told("X", ("", KEY)):
        raise RuntimeError(f"{before}{KEY} is not known")
    assert "secret" not in str(caught.value) and "***" in str(caught.value)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


def test_services_do_not_print_their_keys():
    assert KEY not in repr(LabelboxService(None, KEY))
    assert KEY not in repr(CvatService(None, "https://x", (KEY,)))
