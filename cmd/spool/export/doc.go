// Package export implements the commands spool export and spool verify.
package export
