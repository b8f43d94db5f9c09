//go:build !linux || portable

package filesystem

// lackedByPlatform lists the calls that the platform lacks on every file system.
var lackedByPlatform = []string{string(allocate), string(punch), string(renameNoReplace)}

// holdsDirectories tells that an open directory is reached also after its name leads to another one. Without openat the
// access is refused instead.
const holdsDirectories = false
