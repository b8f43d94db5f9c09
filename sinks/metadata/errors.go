package metadata

import (
	"errors"
	"fmt"
	"strings"

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

// NewerJournalError says that the journal holds changes that a newer version of the program
// wrote and this one cannot read. Recording goes on and the database is asked, but it takes
// nothing until a version that knows them is back; the journal keeps all of it.
type NewerJournalError struct {
	Dir   string
	Notes []string // a line about each file
}

// Unwrap makes it an ErrUnavailable: what is waited for comes later.
func (e *NewerJournalError) Unwrap() error { return ErrUnavailable }

// Error names the files and says what to do.
func (e *NewerJournalError) Error() string {
	return fmt.Sprintf("the journal in %s was written by a newer version of spool (%s): "+
		"start that version again, or a later one; until then nothing of it is applied or removed, and what is recorded waits behind it",
		e.Dir, strings.Join(e.Notes, "; "))
}
