// Package platforms has only tests. They type-check all packages and their dependencies from source, for each
// platform that spool is meant for. This takes seconds for a platform, where the compiler takes minutes. make
// platforms runs these tests without the race detector, with which they would take minutes too; make test
// leaves them out.
package platforms
