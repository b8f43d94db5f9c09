// Package row is a recording as the table spool_recordings and a journal's records hold
// it: Of makes one of a recording that can be stored, Record is the inverse.
//
// A Row that a journal or a queue has taken is never changed; a change is a copy.
package row
