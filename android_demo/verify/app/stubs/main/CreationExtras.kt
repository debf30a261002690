// A stub for the type check: signatures only, source: classes of androidx.lifecycle:lifecycle-viewmodel:2.6.1

package androidx.lifecycle.viewmodel

abstract class CreationExtras internal constructor()
