//go:build unix

package database

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// This file keeps the process running while the disk of a SQLite database is frozen (fsfreeze, a snapshot
// of a virtual machine) or hangs: only the goroutines that write to the database wait.
//
// SQLite's write-ahead log has an index, the file -shm, which all connections and processes map into
// their memory. If a process writes to a mapped page after the file system has written it back, a page
// fault occurs, in which the kernel waits for the disk (page_mkwrite). The thread then waits outside a
// system call: Go's scheduler cannot take its processor away, the next garbage collection waits for the
// thread, and the whole process stops. No camera would be read as long as the disk is frozen.
//
// So this file wraps SQLite's access to files, its VFS "unix". Just before SQLite writes to -shm, the
// wrapper sets the time of that file. This waits for the disk too, but in a system call, so that only
// one goroutine waits. SQLite writes to -shm in four cases:
//
//	under an exclusive lock       to set read marks, restart the log, recover, begin a checkpoint: xShmLock waits first
//	after a sync of the log       to add the frames of a commit: xSync waits after the sync
//	after a sync of the database  to store the progress of a checkpoint: xSync waits after the sync
//	after a write to the log      to add the frames of a commit if synchronous is not FULL: the write has waited itself
//
// Between the wait and SQLite's write lie some microseconds. A freeze first blocks system calls, then
// writes dirty pages back, and blocks page faults last; the process stops only if all of this happens
// within these microseconds. No test has seen that, but it is possible.
//
// The wrapper does not help in these cases:
//
//	a transaction is rolled back after it has outgrown the page cache (2 MB)
//	a disk hangs, but does not block the file system's journal
//	the kernel has evicted a page of -shm, and a hanging disk does not return it; a frozen one does
//
// A connection with locking_mode=EXCLUSIVE has its index in memory and needs no wrapper.
//
// A reader writes to -shm only if it is the first one after a commit: it moves a read mark. After each
// commit DB.Committed reads and so moves the mark, so that later readers do not wait for a frozen disk.
//
// The index cannot be kept in memory instead: other processes, such as spool reindex and the shell
// sqlite3, open the same database.

// awaitDisk returns once the file system of the index accepts writes. index is the path of the -shm file.
// It ignores errors: SQLite does not write to an index that is missing or read-only. Tests replace it
// before they open a database.
var awaitDisk = setTimes

// unixFiles holds the wrapped VFS and the methods of its files.
var unixFiles struct {
	once sync.Once
	vfs  uintptr // SQLite's VFS "unix"
	open uintptr // method xOpen of vfs

	mu      sync.Mutex          // guards wrapped, and the first write of sync and shmLock
	wrapped map[uintptr]uintptr // maps a file's table of methods to its copy that waits for the disk
	sync    uintptr             // method xSync, the same in every table
	shmLock uintptr             // method xShmLock, the same in every table
}

// lockless is the name of the VFS that locks no file: SQLite's unix-none, except that it follows no
// symbolic link.
const lockless = "spool-none"

// wrapVFS makes the wrapper the default VFS, and registers lockless.
func wrapVFS() {
	u := &unixFiles
	u.once.Do(func() {
		tls := libc.NewTLS()
		defer tls.Close()
		u.vfs = sqlite3.Xsqlite3_vfs_find(tls, 0)
		vfs := *at[sqlite3.Tsqlite3_vfs](u.vfs)
		name, err := libc.CString("spool")
		if err != nil {
			return // out of memory: SQLite will report it
		}
		u.open, vfs.FxOpen, vfs.FzName, vfs.FxFullPathname = vfs.FxOpen, address(openFile), name, address(fullPath)
		if p := kept(tls, vfs); p != 0 {
			sqlite3.Xsqlite3_vfs_register(tls, p, 1)
		}
		registerLockless(tls)
	})
}

// registerLockless registers the VFS lockless.
func registerLockless(tls *libc.TLS) {
	names := [2]uintptr{}
	for i, text := range []string{"unix-none", lockless} {
		name, err := libc.CString(text)
		if err != nil {
			return
		}
		names[i] = name
	}
	base := sqlite3.Xsqlite3_vfs_find(tls, names[0])
	libc.Xfree(tls, names[0])
	if base == 0 {
		return
	}
	vfs := *at[sqlite3.Tsqlite3_vfs](base)
	vfs.FzName, vfs.FxFullPathname = names[1], address(fullPath)
	if p := kept(tls, vfs); p != 0 {
		sqlite3.Xsqlite3_vfs_register(tls, p, 0)
	}
}

// fullPath implements the method xFullPathname of a VFS. Unlike SQLite's own implementation it
// resolves no symbolic links. SQLite then refuses to open a path whose last part is a link.
func fullPath(tls *libc.TLS, _, name uintptr, room int32, out uintptr) int32 {
	path := libc.GoString(name)
	if !filepath.IsAbs(path) {
		dir, err := os.Getwd()
		if err != nil {
			return sqlite3.SQLITE_CANTOPEN
		}
		path = dir + "/" + path
	}
	if len(path) >= int(room) {
		return sqlite3.SQLITE_CANTOPEN
	}
	copy(unsafe.Slice(at[byte](out), room), path+"\x00")
	return sqlite3.SQLITE_OK
}

// openFile implements the method xOpen of a VFS. The wrapped VFS opens the file; openFile then gives
// the file the table of methods that the function waiting returns: if possible one in which xSync and
// xShmLock wait for the disk.
func openFile(tls *libc.TLS, _, name, file uintptr, flags int32, outFlags uintptr) int32 {
	open := *(*func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32)(unsafe.Pointer(&unixFiles.open))
	rc := open(tls, unixFiles.vfs, name, file, flags, outFlags)
	if rc == sqlite3.SQLITE_OK {
		methods := &at[sqlite3.Tsqlite3_file](file).FpMethods
		*methods = waiting(tls, *methods)
	}
	return rc
}

// waiting returns a copy of a file's table of methods in which xSync and xShmLock wait for the disk. It
// returns the table itself if memory is short, or if the table is not that of a file on a disk.
func waiting(tls *libc.TLS, methods uintptr) uintptr {
	u := &unixFiles
	u.mu.Lock()
	defer u.mu.Unlock()
	if wrapped, known := u.wrapped[methods]; known {
		return wrapped
	}
	table := *at[sqlite3.Tsqlite3_io_methods](methods)
	if u.wrapped == nil {
		u.wrapped, u.sync, u.shmLock = map[uintptr]uintptr{}, table.FxSync, table.FxShmLock
	}
	wrapped := methods
	if table.FxSync == u.sync && table.FxShmLock == u.shmLock {
		table.FxSync, table.FxShmLock = address(syncFile), address(lockIndex)
		if p := kept(tls, table); p != 0 {
			wrapped = p
		}
	}
	u.wrapped[methods] = wrapped
	return wrapped
}

// syncFile implements the method xSync of a file. It waits after the sync, since SQLite then adds the
// synced frames to the index.
func syncFile(tls *libc.TLS, file uintptr, flags int32) int32 {
	sync := *(*func(*libc.TLS, uintptr, int32) int32)(unsafe.Pointer(&unixFiles.sync))
	rc := sync(tls, file, flags)
	if rc == sqlite3.SQLITE_OK {
		awaitIndex(file)
	}
	return rc
}

// lockIndex implements the method xShmLock of a file. It waits before an exclusive lock, since SQLite
// then writes to the locked part of the index.
func lockIndex(tls *libc.TLS, file uintptr, first, n, flags int32) int32 {
	lock := *(*func(*libc.TLS, uintptr, int32, int32, int32) int32)(unsafe.Pointer(&unixFiles.shmLock))
	if flags == sqlite3.SQLITE_SHM_LOCK|sqlite3.SQLITE_SHM_EXCLUSIVE {
		awaitIndex(file) // before the lock, so that no other connection waits for it
	}
	return lock(tls, file, first, n, flags)
}

// awaitIndex waits for the disk of the index (-shm) that belongs to file, which is a database or
// its log.
func awaitIndex(file uintptr) {
	path := at[sqlite3.TunixFile](file).FzPath
	if path == 0 {
		return // a temporary file
	}
	awaitDisk(strings.TrimSuffix(libc.GoString(path), "-wal") + "-shm")
}

// at converts an address in SQLite's memory into a pointer. The memory must be SQLite's, which Go's
// garbage collector does not manage.
func at[T any](p uintptr) *T { return *(**T)(unsafe.Pointer(&p)) }

// kept copies a value into memory of SQLite that is never freed, and returns the address of the
// copy. It returns 0 if memory is short.
func kept[T any](tls *libc.TLS, v T) uintptr {
	p := libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(v)))
	if p != 0 {
		*at[T](p) = v
	}
	return p
}

// address returns a function in the form in which SQLite stores it. f must be a declared function, which
// Go never moves or collects.
func address[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&f)) }
