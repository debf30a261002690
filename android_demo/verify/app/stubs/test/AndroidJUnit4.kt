// A stub for the type check: signatures only; from memory, not compared with its source

package androidx.test.ext.junit.runners

import org.junit.runners.BlockJUnit4ClassRunner

class AndroidJUnit4(
    tested: Class<*>,
) : BlockJUnit4ClassRunner(tested)
