"""What `cli_batch.py --help` says beside the words themselves."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from faceattr.batch.write import FACE_COLUMNS, IMAGE_COLUMNS
from faceattr.settings import Settings

MAX_IMAGE_BYTES, MAX_PIXELS = 100_000_000, 200_000_000  # an archive holds what a service would refuse
_SIDES = Settings()


def _wrapped(columns: Iterable[str]) -> str:
    return ("\n" + " " * 19).join(textwrap.wrap(", ".join(columns), 98))


DESCRIPTION = """\
Finds the faces in every photo of a directory and writes, for each, an apparent gender and age.
Everything happens on this machine, or on those of your --cluster; no photo goes elsewhere. Interrupted or killed at
any moment, the same command goes on where it stopped. `cli_batch.py merge --help` is about putting shards together."""

MERGE = """\
Puts the results of all shards of one job together: the same files of results as a single run with this --format
would have written. Every shard must be finished, and have had the same models, settings and choice of files."""

EPILOG = f"""\
examples:
  python cli_batch.py --input_dir photos --output_dir results --recursive
  python cli_batch.py --output_dir results --status
  find "$PWD/photos" -name '*.jpg' -print0 | python cli_batch.py --input_dir photos --output_dir results --files-from -

results, in the output directory:
  faces.csv      a row per face:
                   {_wrapped(FACE_COLUMNS)}.
                 The box is in whole pixels of the upright photo; confidence, probabilities, sharpness and brightness go
                 from 0 to 1; ages are in years: expected, and first and last of the most probable range. How far
                 --rotate auto has turned a photo is in no table
  images.csv     a row per file, whatever became of it:
                   {_wrapped(IMAGE_COLUMNS)}.
                 outcome: ok, no_face, missing (it vanished) or error:<code>
  faces.jsonl, faces.parquet   as asked with --format: a line per file, whose faces also have the 10th and the 90th
                 percentile of the age; a row per face
  summary.json, report.html    counts, for programs and for people; and what made them: the pack with its digests, the
                 engine, the options, the version of faceattr
  annotated/     with --annotate: <path>.jpg for each photo that could be analysed; pictures of photos that have gone
                 or fail now are removed
  Each file appears only when it is complete, all of them at the end of a run; tables of an earlier run that are not
  asked for any more are removed. Files of these names that no batch has written are not replaced, but by --fresh. Rows
  are in the byte order of their paths. `path` is exact (percent-encoded bytes); `file` is for people, with an
  apostrophe before what a spreadsheet would run as a formula. In a spreadsheet, open them as UTF-8, with `file` and
  `path` as text: a file named 00123 would become the number 123.

going on with an earlier run:
  What became of each file is kept in .faceattr-batch.sqlite in the output directory. A file is done again when its
  size or its time of change, the models, the engine or its precision, the options, --annotate or the version of
  faceattr are others than then, and when it could not be read. --retry-errors also does all other failed files again;
  --fresh everything, once the models are loaded. A file that has gone since becomes missing. Files that the words of
  this run do not choose are not in its results.

globs of --include and --exclude:
  * and ? match anything but /, [a-z] and [!a-z] one character, ** any number of directories. A glob without / is
  compared with the name of the file, wherever it is ('*.jpg'); one with / with the whole path below the input
  directory ('2024/**/*.jpg'). One that ends with / means directories, and all that is in them ('thumbs/'). Letters
  match their own case only: '*.[jJ][pP][gG]'. --exclude wins over --include.

shards, for machines that share the photos and the output directory but nothing else:
  --shard 1/3, --shard 2/3 and --shard 3/3 each do a third of the files, with state and results of their own in
  shard-I-of-3 in the output directory. Then: cli_batch.py merge --output_dir DIR

clusters:
  --cluster HOST:PORT, or --cluster auto on one of its nodes, has the photos analysed by a Ray cluster: a worker for
  every processor that is free there, from MIN to MAX of --workers, as nodes come and go. What a node or a worker that
  dies was at is done again. Under the same paths every node must have the photos, this program and its Python, and
  with --annotate the output directory. A node with other models or another engine is refused. Photos cross the
  network only as the shared directory does.

error codes:
  of the photo:    empty_image, unsupported_image, truncated_image, invalid_image, bad_dimensions, image_too_large,
                   too_many_pixels (limits: {MAX_IMAGE_BYTES // 10**6} MB and {MAX_PIXELS // 10**6} megapixels,
                   {_SIDES.min_side} to {_SIDES.max_side} pixels a side)
  of reading:      unreadable (a file, or a directory, whose path then ends with /)
  of the analysis: out_of_memory, engine, timeout (see --timeout), worker_died (it ended two worker processes),
                   internal (a bug; see the log)
  of --annotate:   annotate_failed (its picture's name is impossible there)

what is read:
  Every regular file, by its content, whatever its name: notes.txt becomes error:unsupported_image.
  Symbolic links, FIFOs, sockets and devices are not read; they are counted at the end.
  An output directory inside the input directory is left out; of other ones only what a batch has written there is:
  tables, report, annotated/.

exit codes:
  0    every file was analysed
  3    some were not: see outcome in images.csv; the tables are complete
  64   wrong usage, or the input directory cannot be read
  73   the output directory cannot be written
  74   writing failed: the disk is full or broken, or the state of the earlier run is damaged
  75   another run is at work in the output directory
  78   the models cannot be used, or no worker or cluster is to be had; then the same command goes on
  130  interrupted by Ctrl-C or SIGTERM: what was under way was finished, and the same command goes on
  After 74 and 130, too, the results of an earlier run, if any, are untouched.
"""
