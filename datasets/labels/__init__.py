"""What people draw in Labelbox and CVAT: chips to draw on, and their drawings as cloud masks.

``chips`` and ``task`` make what is sent; ``exports`` reads what comes back, whatever its format;
``conflicts`` settles several labels of one chip; ``pulled`` writes masks, a catalogue and the
labels of patches. Nothing here needs the network but ``labelbox_service`` and ``cvat_service``.
"""
