package retained

// Class is the place of a file in the order in which retention deletes, or the reason for which it keeps the
// file. The API returns the words, so a value is never renamed.
type Class string

// The classes of files that retention may delete, in the order in which it deletes them.
const (
	ClassOrphan  Class = "orphan"
	ClassExpired Class = "expired"
	ClassFootage Class = "footage"
	ClassEvent   Class = "event"
)

// The reasons for which retention keeps a file.
const (
	KeptProtected Class = "protected"
	KeptWriting   Class = "being_written"
	KeptYoung     Class = "keep_at_least"
	KeptForeign   Class = "not_ours"
)
