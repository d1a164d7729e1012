"""Makes all parity fixtures of the models and objectives anew, from one seed: the tests pass with those of any seed.

In a throw-away environment (torchvision must be absent, or transformers does not import its models; timm comes without
its own requirements for the same reason):

    python3 -m venv /tmp/parity
    /tmp/parity/bin/pip install --requirement test/parity/requirements-fixtures.txt
    /tmp/parity/bin/pip install --no-deps timm==1.0.31
    /tmp/parity/bin/python test/parity/make_fixtures.py --seed 1

Each part has a script of its own beside its fixtures, which can be run alone; they share drawing.py, so that neither
weights nor inputs need to be stored. References are float64, stored as float32. full_size.py makes the references of the
slow suite, which are too large to keep.
"""

import argparse
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
# Each script with the folder that it writes to, below the test folder.
SCRIPTS = {
    "models/fixtures/make-fixtures.py": "",
    "models/exchange/fixtures/make_fixtures.py": "",
    "models/resnet/fixtures/make-fixtures.py": "models/resnet/fixtures",
    "models/dictionary/fixtures/make-fixtures.py": "models/dictionary/fixtures",
    "models/soho/fixtures/make-fixtures.py": "models/soho/fixtures",
    "models/uniter/fixtures/make_fixtures.py": "",
    "train/objectives/fixtures/make_transport.py": "",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=TESTS, help="the test folder")
    options = parser.parse_args()
    for script, folder in SCRIPTS.items():
        print(script, flush=True)
        arguments = ["--seed", str(options.seed), "--out", str(options.out / folder)]
        subprocess.run([sys.executable, str(TESTS / script), *arguments], check=True)


if __name__ == "__main__":
    main()
