// A stub for the type check: signatures only, source: androidx/androidx, lifecycle/lifecycle-viewmodel/api/current.txt

package androidx.lifecycle.viewmodel

abstract class CreationExtras internal constructor()
