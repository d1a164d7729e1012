"""Peers that deliver pictures with texts, tokenized and masked.

"pairs-per-caption" does the work of ViLT's loader (dandelin/ViLT, vilt/datasets/base_dataset.py): a sample is a caption; its
picture is decoded for it, and another, false picture as well, each into a tensor of its own. It counts here as two pairs, the
true and the false one. "pairs-per-picture" is what that loader could be: each picture is decoded once and stands beside two of
its captions and two of other pictures.

Kinder to them than the original: pictures of one size instead of padded ones, masking of a whole batch by numpy instead of
word by word in Python, no texts handed on as strings.
"""

import random

import numpy
import torch
from torch.utils.data import Dataset, default_collate

from pictures import EndlessBatches, data_loader, listed, make_transform, read

MAX_TOKENS = 40
MASKED_SHARE = 0.15
NOT_PREDICTED = -100


def make_tokenizer(given):
    from tokenizers import BertWordPieceTokenizer

    tokenizer = BertWordPieceTokenizer(given.vocabulary, lowercase=True)
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.enable_padding(length=MAX_TOKENS)
    return tokenizer


class Pairs(Dataset):
    def __init__(self, given):
        self.given = given
        self.entries = listed(given)
        self.captions = [(index, text) for index, entry in enumerate(self.entries) for text in entry["texts"]]
        self.transform = make_transform(given)
        self.tokenizer = make_tokenizer(given)

    def picture(self, index):
        return self.transform(read(self.given, self.entries[index]["file"]))

    def tokens(self, text):
        encoded = self.tokenizer.encode(text)
        return encoded.ids, encoded.attention_mask, encoded.special_tokens_mask


class PerCaption(Pairs):
    def __len__(self):
        return len(self.captions)

    def __getitem__(self, index):
        picture, text = self.captions[index]
        false_picture, _ = random.choice(self.captions)
        return [self.picture(picture), self.picture(false_picture)], [self.tokens(text)]


class PerPicture(Pairs):
    def __len__(self):
        return len(self.entries)

    def __getitem__(self, index):
        texts = random.sample(self.entries[index]["texts"], 2)
        while len(texts) < 4:
            other, text = random.choice(self.captions)
            if other != index:
                texts.append(text)
        return [self.picture(index)], [self.tokens(text) for text in texts]


def masked(ids, special, tokenizer):
    """BERT's masking: of 15 % of the tokens 80 % become [MASK], 10 % any token, 10 % stay."""
    chosen = (numpy.random.random(ids.shape) < MASKED_SHARE) & (special == 0)
    labels = numpy.where(chosen, ids, NOT_PREDICTED)
    coin = numpy.random.random(ids.shape)
    replaced = numpy.where(chosen & (coin < 0.8), tokenizer.token_to_id("[MASK]"), ids)
    any_token = numpy.random.randint(0, tokenizer.get_vocab_size(), ids.shape)
    return numpy.where(chosen & (coin >= 0.9), any_token, replaced), labels


class Collate:
    def __init__(self, tokenizer):
        self.tokenizer = tokenizer

    def __call__(self, samples):
        stacks = default_collate([pictures for pictures, _ in samples])
        texts = numpy.array([tokens for _, rows in samples for tokens in rows])  # [Q, 3, T]
        ids, attention, special = texts[:, 0], texts[:, 1], texts[:, 2]
        changed, labels = masked(ids, special, self.tokenizer)
        arrays = [torch.from_numpy(array) for array in (ids, attention, changed, labels)]
        return stacks, arrays


def make_pair_loader(given, workers):
    per_caption = given.kind == "pairs-per-caption"
    dataset = (PerCaption if per_caption else PerPicture)(given)
    loader = data_loader(
        dataset,
        given,
        workers,
        batch_sampler=EndlessBatches(len(dataset), given.batch),
        collate_fn=Collate(dataset.tokenizer),
    )
    for stacks, (ids, *_) in loader:
        yield stacks, len(ids) * len(stacks)
