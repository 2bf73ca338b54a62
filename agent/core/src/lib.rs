//! What the agent does ([`run`] is the page to read first): backup that the PC itself cannot read back, and the restore that gets everything back.
//!
//! Data's way, one room per arrow: `scan` → `pipeline` (read → chunk → dedup → seal → pack → upload → confirm → commit) → `bilan`.
//! `reading` → `restore` runs it backwards, and `verify` and `look` stand on `reading` too. `repo` holds keys, descriptors and ledger; `catalog` remembers; only
//! `platform` knows which operating system this is. Never: reads a command line, or writes to a screen.
//!
//! # Words
//!
//! Each has one meaning; what the format itself names is explained in FORMAT.md.
//!
//! * *job*: one file on its way through the workers of a backup, or to the threads of a restore; its *outcome* is what
//!   became of it, and nothing else has one. A backup has *ended*: *saved* is what it has stored, once its snapshot stands; the
//!   *summary* is that and all that was seen around it.
//! * *request*: what a backup is asked for; *asked* are those that a client has made together. A backup that was due and did not
//!   take place was *missed*; one that could not begin is *not begun*.
//! * *tally*: what the threads of a restore have counted so far.
//! * *problem*: why one file is not, or not wholly, what it should be, as a kind. A *trouble* is a problem with its path. A
//!   *recorded problem* stands in the sealed root, a *reported* one, by its token, in a bilan.
//! * *finding*: what is wrong with one object of the store; *damage* is what is known of all of them.
//! * *fault*: an error that says whether it is about the one at hand or ends the run.
//! * *segment*: sorted places of chunks, a part of the index. A *stretch* is a part of a pack that a restore holds in
//!   memory, an *extent* a part of a file.
//! * *stage*: a part of an operation, which screen and log name by its *phase*. A *round* is a pass over what is small, at the
//!   end of a backup.
//! * *known*: what this computer vouches for without asking a store: a repository, chunks that are stored, damage.
//! * *service*: the agent that runs by itself. Having the system start it is the room `boot`'s.
//! * *place*: where a chunk lies, or will lie once its pack has a name. A *store place* is an address, and how it is reached.
//! * *seat*: this computer's place in a repository; its *pen* writes the ledger. A *run* is a repository opened to be written
//!   to, from a seat; in bilans and in the log it is one backup, as in the format. A *reading* is a repository opened to be read, by
//!   a computer with a seat in it or without; the room `reading` is what gets content out of packs, and *reading ways* are those of
//!   the workers.
//! * *destination*: where objects are sent; packs are *uploaded* to one, then *confirmed* by it, and *committed* by a note. What
//!   a restore writes below is its *restore root*.
//! * *plan*: folders that belong together, as configured; a *run plan* is what the pipeline makes of a request, a *restore plan*
//!   what a restore would do.
//! * *memory*: what bilans remember from one to the next; *caches* are what a run need not ask for again.
//! * *entry*: a file, folder or link of a tree; a *hunk entry* is one on its way into a hunk, a *catalog entry* what this computer
//!   remembers of one. A *path filter* says what is left out; a *filter* alone is the format's, of a frame.
//! * *chance*: where random bytes come from. A *file id* says which file it is, whatever it is called. *Kept back* is a bilan
//!   until the store answers; *kept* is a copy of an object.
//! * *shown*: packs as the store lists them; *found*: a repository that was looked for, and the store it is in; *taken*: how a
//!   database was.

#![forbid(unsafe_code)]

pub mod around;
pub mod bilan;
pub mod catalog;
pub mod chance;
pub mod clock;
pub mod connect;
pub mod error;
pub mod failures;
pub mod index;
pub mod look;
pub mod monitor;
pub mod pipeline;
pub mod platform;
pub mod reading;
pub mod repo;
pub mod restore;
pub mod run;
pub mod scan;
pub mod schedule;
pub mod shutdown;
pub mod verify;
