//go:build !portable

package filesystem

// lackedByPlatform lists the calls that the platform lacks on every file system.
var lackedByPlatform []string

// holdsDirectories tells that an open directory is reached also after its name leads to another one.
const holdsDirectories = true
