package retained

// Class is the place of a file in the order in which retention deletes, or the reason for which it keeps the
// file. The API returns the words, so a value is never renamed.
type Class string

// The classes of files that retention may delete, in the order in which it deletes them.
const (
	ClassOrphan  Class = "orphan"  // a temporary or unfinished file that nothing writes and recovery will not finish
	ClassExpired Class = "expired" // a file older than the age at which the files of its stream expire
	ClassFootage Class = "footage" // a continuous recording, deleted when space is needed
	ClassEvent   Class = "event"   // a recording of an event, deleted when space is needed
)

// The reasons for which retention keeps a file.
const (
	KeptProtected Class = "protected"     // a client or an event protects the recording
	KeptWriting   Class = "being_written" // the file is being written, or recovery will finish it
	KeptYoung     Class = "keep_at_least" // the file is younger than the setting keep_at_least
	KeptForeign   Class = "not_ours"      // spool did not write the file
)
