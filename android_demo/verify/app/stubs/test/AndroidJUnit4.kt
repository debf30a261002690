// A stub for the type check: signatures only, source: classes of androidx.test.ext:junit:1.3.0

package androidx.test.ext.junit.runners

import org.junit.runners.BlockJUnit4ClassRunner

class AndroidJUnit4(
    tested: Class<*>,
) : BlockJUnit4ClassRunner(tested)
