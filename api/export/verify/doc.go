// Package verify compares an export with its signed manifest, and names each difference.
//
// It checks an archive to its last byte: besides the files in it, the archive itself must be the one that package
// bundle makes of these files, so that nothing can be hidden between them. In a directory it checks the files that
// a manifest lists, and finds files that it does not list. It trusts nothing that it reads.
package verify
