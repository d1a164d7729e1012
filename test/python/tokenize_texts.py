"""Token ids that transformers' BertTokenizer gives, one JSON list a line, without [CLS] and [SEP].

python3 tokenize_texts.py VOCABULARY lower|keep TEXTS.json
python3 tokenize_texts.py --characters lower|keep

The second form prints the words of "a?b" for each character "?" of Unicode but surrogates, one JSON list a line.
"""

import json
import sys

from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from transformers import BertTokenizer


def characters(lower):
    normalizer, splitter = BertNormalizer(lowercase=lower), BertPreTokenizer()
    for code in range(0x110000):
        if not 0xD800 <= code <= 0xDFFF:
            words = splitter.pre_tokenize_str(normalizer.normalize_str(f"a{chr(code)}b"))
            print(json.dumps([word for word, _ in words]))


def texts(vocabulary, lower, path):
    tokenizer = BertTokenizer(vocabulary, do_lower_case=lower)
    with open(path, encoding="utf-8") as file:
        for text in json.load(file):
            # Published texts may hold "[MASK]"; it must not become the token.
            ids = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
            print(json.dumps(ids))


if sys.argv[1] == "--characters":
    characters(sys.argv[2] == "lower")
else:
    texts(sys.argv[1], sys.argv[2] == "lower", sys.argv[3])
