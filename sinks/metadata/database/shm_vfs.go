package database

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// A frozen disk (fsfreeze, a snapshot of a virtual machine), or one that hangs, must block only
// the goroutines that write to it.
//
// SQLite's write-ahead log has an index, the file -shm, which all connections and processes
// map into their memory. A write to a mapped page that the file system has just cleaned
// is a page fault, in which the kernel waits for the disk (page_mkwrite). The thread then
// waits outside a system call: Go's scheduler cannot take its processor away, the next garbage
// collection waits for that thread, and the whole process stops. No camera is read for as long
// as the disk is frozen.
//
// So this file wraps SQLite's file system (its VFS "unix"). Just before SQLite
// writes to -shm, the wrapper sets the time of that file, which waits for the disk in the
// same way, but in a system call: only that goroutine waits. SQLite writes to -shm
//
//	under its exclusive lock           read marks, restart of the log, recovery, begin of a checkpoint: xShmLock waits first
//	after a sync of the log            the frames of a commit: xSync waits once more afterwards
//	after a sync of the database       the progress of a checkpoint: the same
//	after a write to the log           the frames of a commit when synchronous is not FULL: the write itself has waited
//
// A gap of some microseconds remains between the wait and SQLite's write. A freeze blocks
// system calls first, then writes back the dirty pages, and blocks page faults last, so that all
// of that would have to fall into the gap. No test has seen it, and nothing excludes it: the
// process then stops until the thaw, as without this wrapper.
//
// Not covered are
//
//	a transaction that is rolled back after it has outgrown the page cache (2 MB)
//	a disk that hangs without blocking the file system's journal
//	pages of -shm that the kernel has evicted: reading one again is a page fault, too, which
//	a frozen disk serves and a hanging one does not
//
// A connection with locking_mode=EXCLUSIVE has its index in memory and needs no wrapper.
//
// A reader writes to -shm only when it is the first after a commit: it moves a read mark.
// Committed does that in its place, so that a reader of a stopped disk does not wait.
//
// -shm cannot simply be kept in memory: other processes, such as spool reindex and the shell
// sqlite3, open the same database.

// awaitDisk returns once the file system of the log's index takes writes. It ignores errors:
// SQLite does not write to an index that is missing or read-only. Tests replace it before they
// open a database.
var awaitDisk = func(index string) {
	now := []unix.Timespec{{Nsec: unix.UTIME_NOW}, {Nsec: unix.UTIME_NOW}}
	_ = unix.UtimesNanoAt(unix.AT_FDCWD, index, now, unix.AT_SYMLINK_NOFOLLOW)
}

// Committed is called after each commit of the writing connection. It moves the read mark in the
// index of SQLite's log. When it fails, the first reader moves the mark and waits for the disk.
func (s *DB) Committed(ctx context.Context) {
	if s.Driver == "sqlite" && s.RO != s.RW {
		_, _ = s.RW.ExecContext(ctx, "SELECT 1 FROM "+Tables[0]+" WHERE 1 = 0")
	}
}

// unixFiles holds the wrapped VFS and the methods of its files.
var unixFiles struct {
	once sync.Once
	vfs  uintptr // SQLite's VFS
	open uintptr // its method xOpen

	mu      sync.Mutex          // guards wrapped, and the first write of sync and shmLock
	wrapped map[uintptr]uintptr // from a table of methods (a database and its log have different ones) to the one that waits for the disk first
	sync    uintptr             // the methods xSync and xShmLock, which are the same in every table
	shmLock uintptr
}

// lockless is the name of the VFS for connections without locks: SQLite's unix-none, except that it
// follows no symbolic link.
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

// fullPath implements xFullPathname. SQLite's own resolves symbolic links and opens their target;
// this one keeps a link as the last part of the path, and SQLite then refuses to open it.
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

// openFile implements xOpen.
func openFile(tls *libc.TLS, _, name, file uintptr, flags int32, outFlags uintptr) int32 {
	open := *(*func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32)(unsafe.Pointer(&unixFiles.open))
	rc := open(tls, unixFiles.vfs, name, file, flags, outFlags)
	if rc == sqlite3.SQLITE_OK {
		methods := &at[sqlite3.Tsqlite3_file](file).FpMethods
		*methods = waiting(tls, *methods)
	}
	return rc
}

// waiting returns a copy of a table of methods whose xSync and xShmLock wait for the disk. It returns
// the table itself when memory is short, or when its methods are not those of a real file.
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

// syncFile implements xSync. SQLite enters the frames that it made durable in the index right
// afterwards.
func syncFile(tls *libc.TLS, file uintptr, flags int32) int32 {
	sync := *(*func(*libc.TLS, uintptr, int32) int32)(unsafe.Pointer(&unixFiles.sync))
	rc := sync(tls, file, flags)
	if rc == sqlite3.SQLITE_OK {
		awaitIndex(file)
	}
	return rc
}

// lockIndex implements xShmLock. SQLite writes to the exclusively locked part right afterwards.
func lockIndex(tls *libc.TLS, file uintptr, first, n, flags int32) int32 {
	lock := *(*func(*libc.TLS, uintptr, int32, int32, int32) int32)(unsafe.Pointer(&unixFiles.shmLock))
	if flags == sqlite3.SQLITE_SHM_LOCK|sqlite3.SQLITE_SHM_EXCLUSIVE {
		awaitIndex(file) // before the lock is taken, so that no lock is held while it waits
	}
	return lock(tls, file, first, n, flags)
}

// awaitIndex waits for the disk of the index of a database or its log.
func awaitIndex(file uintptr) {
	path := at[sqlite3.TunixFile](file).FzPath
	if path == 0 {
		return // a temporary file
	}
	awaitDisk(strings.TrimSuffix(libc.GoString(path), "-wal") + "-shm")
}

// at converts an address in SQLite's memory, which Go's collector does not manage, into a pointer.
func at[T any](p uintptr) *T { return *(**T)(unsafe.Pointer(&p)) }

// kept copies a value into memory that is never freed, and returns its address; 0: out of memory.
func kept[T any](tls *libc.TLS, v T) uintptr {
	p := libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(v)))
	if p != 0 {
		*at[T](p) = v
	}
	return p
}

// address returns the address of a function in the form that SQLite stores. F must be a declared
// function, which is never moved or collected.
func address[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&f)) }
