// Package row defines Row, the form of a recording in the table spool_recordings and in the
// journal. Of converts a recording into a row and checks that every database can store it;
// Row.Record converts it back.
//
// A Row is read-only once it has been passed to the journal: change a copy.
package row
