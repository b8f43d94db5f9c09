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
	// ErrUnavailable reports that the database does not answer, and that the pending changes alone
	// do not suffice.
	ErrUnavailable = errors.New("the catalogue's database is not available")
	// ErrProtected reports that a recording was not deleted because it is protected.
	ErrProtected = errors.New("the recording is protected")
	// ErrOtherNode reports that a recording was not changed because its row is another recorder's.
	ErrOtherNode = errors.New("the recording is another recorder's")
	// ErrGrowing reports that a recording was not deleted because its file still grows.
	ErrGrowing = errors.New("the recording is still being written")
	// ErrCursor reports that a cursor is damaged or was made for another query.
	ErrCursor = errors.New("the cursor does not belong to this query")
	// ErrJournalFull reports that a change was dropped because the pending changes have reached
	// OpenOptions.MaxJournalBytes. Reconcile later adds the row from the recording's file.
	ErrJournalFull = errors.New("the journal is full")
	// ErrNotDurable reports that a change is pending, but that the journal could not be written: a
	// crash before the database commits the change loses it.
	ErrNotDurable = journal.ErrNotDurable
	// ErrJournalTaken reports that another process has locked the journal.
	ErrJournalTaken = journal.ErrJournalTaken
)

// NewerJournalError reports that the journal holds changes which a newer version of spool wrote and
// which this version cannot read. Recording and queries continue. The journal keeps every change, and
// nothing is applied to the database until that version, or a later one, runs again.
type NewerJournalError struct {
	Dir   string   // directory of the journal
	Notes []string // a line about each file with changes that this version cannot read
}

// Unwrap returns ErrUnavailable: the changes reach the database later.
func (e *NewerJournalError) Unwrap() error { return ErrUnavailable }

// Error names the files and the remedy.
func (e *NewerJournalError) Error() string {
	return fmt.Sprintf("the journal in %s was written by a newer version of spool (%s): "+
		"start that version again, or a later one; until then no change is applied, no file is removed, and new changes wait",
		e.Dir, strings.Join(e.Notes, "; "))
}
