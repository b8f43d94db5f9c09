package metadata

import (
	"errors"

	"github.com/gospool/spool/sinks/metadata/journal"
)

// Errors that callers act on.
var (
	// ErrNotFound: no recording has the ID.
	ErrNotFound = errors.New("no such recording")
	// ErrUnavailable: the database does not answer and the journal does not know.
	ErrUnavailable = errors.New("the catalogue's database is not available")
	// ErrProtected: a protected recording is not deleted.
	ErrProtected = errors.New("the recording is protected")
	// ErrOtherNode: the recording is another recorder's, which has the file.
	ErrOtherNode = errors.New("the recording is another recorder's")
	// ErrGrowing: a recording whose file still grows is not deleted.
	ErrGrowing = errors.New("the recording is still being written")
	// ErrCursor: a cursor that was not made for this query.
	ErrCursor = errors.New("the cursor does not belong to this query")
	// ErrJournalFull: the database has been away for so long that the journal is
	// at its bound. The file's own entry has what the row would say: Reconcile.
	ErrJournalFull = errors.New("the journal is full")
	// ErrNotDurable: the change is accepted and on its way to the database, but
	// the journal could not be written: a crash before that would lose it.
	ErrNotDurable = journal.ErrNotDurable
	// ErrJournalTaken: one process at a time has a journal.
	ErrJournalTaken = journal.ErrJournalTaken
)
