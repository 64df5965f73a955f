"""The admin site as its tutorial shows it, with inlines."""

from django.contrib import admin

from .models import Note, Remark


class RemarkInline(admin.TabularInline):
    model = Remark
    extra = 1


@admin.register(Note)
class NoteAdmin(admin.ModelAdmin):
    inlines = [RemarkInline]
    list_display = ["title", "body"]
