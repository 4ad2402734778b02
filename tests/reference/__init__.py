# SPDX-License-Identifier: Apache-2.0
"""A second reading of every format, plain and slow, to hold filters/ against.

Each module has `read(line)`, which takes the bytes of one line without its LF and returns the fields that the reader in C gives, with
texts as bytes.  They follow the grammars of the formats and share no code, no tables and no order of work with filters/.
"""
