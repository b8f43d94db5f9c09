package database

// lockless is the name of the VFS that locks no file.
const lockless = "win32-none"

// wrapVFS does nothing: on Windows SQLite's own access to files is used. A disk that hangs may then stop the whole
// process, as shm_vfs_unix.go explains.
func wrapVFS() {}
