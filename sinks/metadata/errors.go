package metadata

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gospool/spool/sinks/metadata/journal"
)

// Errors that callers act on.
var (
	// ErrNotFound reports that no recording has the ID.
	ErrNotFound = errors.New("no such recording")
	// ErrUnavailable reports that the database does not answer and that the journal does not hold the recording.
	ErrUnavailable = errors.New("the catalogue's database is not available")
	// ErrProtected refuses to delete a protected recording.
	ErrProtected = errors.New("the recording is protected")
	// ErrOtherNode refuses to change a recording whose file another recorder has.
	ErrOtherNode = errors.New("the recording is another recorder's")
	// ErrGrowing refuses to delete a recording whose file still grows.
	ErrGrowing = errors.New("the recording is still being written")
	// ErrCursor refuses a cursor that was not made for this query.
	ErrCursor = errors.New("the cursor does not belong to this query")
	// ErrJournalFull reports that the changes which wait for the database have reached
	// OpenOptions.MaxJournalBytes. The file carries the same data as the row: Reconcile adds it.
	ErrJournalFull = errors.New("the journal is full")
	// ErrNotDurable reports that the change is accepted and waits for the database, but
	// that the journal could not be written: a crash before the commit loses the change.
	ErrNotDurable = journal.ErrNotDurable
	// ErrJournalTaken reports that another process has locked the journal.
	ErrJournalTaken = journal.ErrJournalTaken
)

// NewerJournalError reports that the journal holds changes which a newer version of the program
// wrote and which this version cannot read. Recording and queries go on, but nothing is applied
// to the database until that version, or a later one, runs again. The journal keeps every change.
type NewerJournalError struct {
	Dir   string
	Notes []string // a line about each file
}

// Unwrap returns ErrUnavailable: the changes reach the database later.
func (e *NewerJournalError) Unwrap() error { return ErrUnavailable }

// Error names the files and the remedy.
func (e *NewerJournalError) Error() string {
	return fmt.Sprintf("the journal in %s was written by a newer version of spool (%s): "+
		"start that version again, or a later one; until then no change is applied, no file is removed, and new changes wait",
		e.Dir, strings.Join(e.Notes, "; "))
}
