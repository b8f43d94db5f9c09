package retained

// Class is the place of a file in the order of eviction, or the reason why it has none. The words
// are part of the API, so a value is never renamed.
type Class string

// The classes, in the order of eviction.
const (
	ClassOrphan  Class = "orphan"
	ClassExpired Class = "expired"
	ClassFootage Class = "footage"
	ClassEvent   Class = "event"
)

// The reasons why a file is kept.
const (
	KeptProtected Class = "protected"
	KeptWriting   Class = "being_written"
	KeptYoung     Class = "keep_at_least"
	KeptForeign   Class = "not_ours"
)
